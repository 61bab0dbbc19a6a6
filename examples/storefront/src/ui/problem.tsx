import type { CombinedError } from "urql";
import { Link } from "wouter";
import { wordsOfFailure } from "../api/errors";

// Asks for all that failed, in the header and the filters too. A list is the same then: its state is its address.
const reload = () => location.reload();

/** A failed request in place of what it should have brought. */
export function Problem({ error, retry = reload }: { error: CombinedError; retry?: () => void }) {
  const signedOut = error.graphQLErrors[0]?.extensions.code === "UNAUTHENTICATED";
  return (
    <div className="notice" role="alert">
      <h2>That did not work</h2>
      <p>{wordsOfFailure(error)}</p>
      {signedOut ? <Link className="button" href="/sign-in">Sign in</Link> : <button className="button" onClick={retry}>Try again</button>}
    </div>
  );
}
