// PyTorch's names of arguments as the engine's: `weight_decay` is weightDecay.

export function camelCase(name: string): string {
  return name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
