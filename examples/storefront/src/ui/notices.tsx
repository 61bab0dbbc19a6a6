/** Short messages at the edge of the page, read out by screen readers; one may have an action, such as Undo. */
import { useSyncExternalStore } from "react";
import { Icon } from "./icons";
import "./notices.css";

interface Notice { id: number; text: string; action?: { label: string; run: () => void } }
const SHOWN_MS = 8_000;
let notices: readonly Notice[] = [];
let lastId = 0;
const watchers = new Set<() => void>();

const set = (next: readonly Notice[]) => { notices = next; watchers.forEach((watcher) => watcher()); };
const dismiss = (id: number) => set(notices.filter((notice) => notice.id !== id));
// The focus does not go with the button that is pressed.
const keepFocus = () => document.getElementById("main")?.focus({ preventScroll: true });

export function notify(text: string, action?: Notice["action"]): void {
  const id = ++lastId;
  set([...notices.filter((notice) => notice.text !== text).slice(-2), { id, text, action }]);
  setTimeout(dismiss, action ? SHOWN_MS * 2 : SHOWN_MS, id);
}

export function Notices() {
  const shown = useSyncExternalStore((watcher) => { watchers.add(watcher); return () => watchers.delete(watcher); }, () => notices);
  return (
    <div className="notices" role="status">
      {shown.map(({ id, text, action }) => (
        <p key={id} onClick={keepFocus}>
          <span>{text}</span>
          {action && <button onClick={() => { dismiss(id); action.run(); }}>{action.label}</button>}
          <button aria-label="Close this message" onClick={() => dismiss(id)}><Icon name="close" /></button>
        </p>
      ))}
    </div>
  );
}
