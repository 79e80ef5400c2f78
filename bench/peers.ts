/** Loads a peer from the packages of bench/. They are no part of the project's own install, so their types are not either. */
export async function load<T>(name: string): Promise<T> {
  return (await import(name)) as T
}
