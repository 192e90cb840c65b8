/** Where the host writes for people who look for the cause: the output channel, or an array in tests. */
export interface Log {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}
