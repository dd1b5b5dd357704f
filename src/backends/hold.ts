let holders = 0
let holder: NodeJS.Timeout | undefined

/** Keeps the process alive until as many `release` calls were made. */
export function hold(): void {
  holders += 1
  if (holders > 1) return
  holder ??= setInterval(() => {}, 2 ** 31 - 1)
  holder.ref()
}

export function release(): void {
  holders -= 1
  if (holders === 0) holder?.unref()
}
