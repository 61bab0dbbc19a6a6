import { Component, type ReactNode } from "react";

/** Shows that a page could not be drawn, and a way to try again, instead of a blank screen. */
export class Boundary extends Component<{ path: string; children: ReactNode }, { failed: boolean }> {
  state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  componentDidUpdate({ path }: { path: string }) {
    if (this.state.failed && path !== this.props.path) this.setState({ failed: false });
  }

  render() {
    if (!this.state.failed) return this.props.children;
    return (
      <div className="page notice" role="alert">
        <h1>This page could not be shown</h1>
        <p>{navigator.onLine ? "The shop may just have been updated. Loading it anew usually helps." : "You are offline. Try again when you are connected."}</p>
        <button className="button" onClick={() => location.reload()}>Load again</button>
      </div>
    );
  }
}
