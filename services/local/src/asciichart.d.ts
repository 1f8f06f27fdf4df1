// What we use of asciichart, which ships no types. https://github.com/kroitor/asciichart
declare module 'asciichart' {
  export interface PlotConfig {
    /** Columns left of the first point, label included; default 3. */
    readonly offset?: number;
    /** Rows between the lowest and the highest value. */
    readonly height?: number;
    readonly min?: number;
    readonly max?: number;
    readonly format?: (value: number) => string;
  }

  /** Draws values, one column each. */
  export function plot(series: readonly number[], config?: PlotConfig): string;
}
