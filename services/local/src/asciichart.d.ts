// Types for the parts of asciichart that we use; the package has none. https://github.com/kroitor/asciichart
declare module 'asciichart' {
  export interface PlotConfig {
    /** The number of columns left of the first point, including the label. Default 3. */
    readonly offset?: number;
    /** The number of rows between the lowest and the highest value. */
    readonly height?: number;
    readonly min?: number;
    readonly max?: number;
    readonly format?: (value: number) => string;
  }

  /** Draws the values, one column per value. */
  export function plot(series: readonly number[], config?: PlotConfig): string;
}
