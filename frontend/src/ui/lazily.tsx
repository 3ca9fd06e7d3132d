/** Parts of the page that are loaded when they are first shown: not every user needs them. */
import { type ComponentType, h } from 'preact';
import { useEffect, useState } from 'preact/hooks';

/** Nothing is there until it is loaded; where that fails the error is thrown, for the card that shows errors and tries again. */
export function lazily<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
): ComponentType<Props> {
  let part: ComponentType<Props> | null = null;
  return function Lazy(props: Props) {
    const [failure, setFailure] = useState<{ error: unknown } | null>(null);
    const [, setLoaded] = useState(part !== null);
    useEffect(() => {
      if (part !== null) return;
      load().then(
        (loaded) => {
          part = loaded;
          setLoaded(true);
        },
        (error: unknown) => setFailure({ error }),
      );
    }, []);
    if (failure !== null) throw failure.error;
    return part === null ? null : h(part, props);
  };
}
