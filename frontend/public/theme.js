// Runs before the first paint, so that a stored theme never flashes; src/features/theme/theme-state.ts writes the choice.
try {
  const choice = localStorage.getItem('theme');
  if (choice === 'light' || choice === 'dark') document.documentElement.dataset.theme = choice;
} catch {
  // Storage is refused: the system's theme it is.
}
