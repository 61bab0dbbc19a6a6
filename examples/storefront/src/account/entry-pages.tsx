/** Pages for people who are not signed in, and those that mails lead to. */
import { useState, type ReactNode } from "react";
import { Link, useLocation, useSearch } from "wouter";
import { Mistake } from "../api/errors";
import { forget, guestToken, signedIn, type Pair } from "../api/session";
import { graphql, readFragment, type FragmentType } from "../gql";
import { notify } from "../ui/notices";
import { Page } from "../ui/page";
import { EmailField, Form, HiddenUsername, NameFields, NewPasswordField, PasswordField } from "./form";

const SignIn = graphql(`mutation SignIn($email: String!, $password: String!, $guestToken: String) {
  payload: tokenAuth(email: $email, password: $password, guestToken: $guestToken) { token refreshToken expiresAt errors { ...Mistake } }
}`);
const Register = graphql(`mutation Register($input: RegisterInput!) { payload: register(input: $input) { token refreshToken expiresAt errors { ...Mistake } } }`);
const Ask = graphql(`mutation AskPasswordReset($email: String!) { payload: passwordResetRequest(email: $email) { requested errors { ...Mistake } } }`);
const Reset = graphql(`mutation ResetPassword($input: PasswordResetInput!) { payload: passwordReset(input: $input) { user { id } errors { ...Mistake } } }`);
const Confirm = graphql(`mutation ConfirmEmailChange($token: String!) { payload: emailChangeConfirm(token: $token) { user { id email } errors { ...Mistake } } }`);

/** Where the shopper wanted to go: a path of this shop, never another site's address. */
function useNext(wanted = "/account"): string {
  const next = new URLSearchParams(useSearch()).get("next") ?? wanted;
  return /^\/(?![/\\])/.test(next) ? next : "/account";
}

/** Takes over the tokens of a sign-in or registration, and goes on. Its errors say what of the guest's cart did not fit. */
function useAfterSignIn(next: string) {
  const [, navigate] = useLocation();
  return (payload: Pair & { errors: readonly FragmentType<typeof Mistake>[] }) => {
    const hadCart = guestToken() !== null;
    signedIn(payload);
    navigate(next, { replace: true });
    if (payload.errors.length === 0) notify(hadCart ? "You are signed in, and your cart came along." : "You are signed in.");
    for (const { code, message } of readFragment(Mistake, payload.errors)) {
      const text = code === "INVALID_TOKEN" ? "The cart from before could not be taken along." : message;
      notify(`You are signed in. ${text}`, { label: "View cart", run: () => navigate("/cart") });
    }
  };
}

/** One thing to do, with its heading. */
const Entry = ({ title, children }: { title: string; children: ReactNode }) => <Page title={title} className="account narrow"><h1>{title}</h1>{children}</Page>;

export function SignInPage({ words, next: wanted }: { words?: string; next?: string }) {
  const next = useNext(wanted);
  return (
    <Entry title="Sign in">
      {words && <p>{words}</p>}
      <Form submit="Sign in" document={SignIn} variables={(values) => ({ ...values, guestToken: guestToken() })} onDone={useAfterSignIn(next)}>
        <EmailField />
        <PasswordField />
      </Form>
      <p><Link href="/password-reset">Forgot your password?</Link></p>
      <p>New here? <Link href={`/register?next=${encodeURIComponent(next)}`}>Make an account</Link></p>
    </Entry>
  );
}

export function RegisterPage() {
  const next = useNext();
  return (
    <Entry title="Make an account">
      <Form
        submit="Make an account" document={Register} onDone={useAfterSignIn(next)}
        variables={(values) => ({ input: { ...values, guestToken: guestToken() } })}
      >
        <EmailField />
        <NewPasswordField name="password" label="Password" />
        <NameFields remark=" (optional)" />
      </Form>
      <p>You have one already? <Link href={`/sign-in?next=${encodeURIComponent(next)}`}>Sign in</Link></p>
    </Entry>
  );
}

/** Asks for a mail; with the link's parameters, sets the new password. */
export function PasswordResetPage() {
  const { uid, token } = Object.fromEntries(new URLSearchParams(useSearch()));
  const [, navigate] = useLocation();
  const [sentTo, setSentTo] = useState("");
  if (uid && token) {
    const done = () => { forget("Your new password is set. Sign in with it."); navigate("/sign-in", { replace: true }); };
    return (
      <Entry key="set" title="Choose a new password">
        <p>All devices that are signed in to your account are signed out by it.</p>
        <Form submit="Set the password" document={Reset} variables={(values) => ({ input: { uid, token, ...values } })} onDone={done}>
          <HiddenUsername />
          <NewPasswordField />
        </Form>
        <p><Link href="/password-reset">Ask for a new link</Link></p>
      </Entry>
    );
  }
  return (
    <Entry key="ask" title="Forgot your password?">
      <p role="status">{sentTo && `If there is an account with ${sentTo}, a mail with a link is on its way. It works once, and not for long.`}</p>
      <Form submit="Send me a link" document={Ask} onDone={(_, { email }) => setSentTo(email!)}><EmailField /></Form>
      <p><Link href="/sign-in">Back to sign-in</Link></p>
    </Entry>
  );
}

/** Where the mail to a new address leads. A button confirms, because mail programs open links by themselves. */
export function EmailChangePage() {
  const token = new URLSearchParams(useSearch()).get("token");
  const [email, setEmail] = useState<string>();
  return (
    <Entry title="New e-mail address">
      <p role="status">{email && <>From now on you sign in with <strong>{email}</strong>. <Link href="/account">To your account</Link></>}</p>
      {!email && token && (
        <Form submit="Confirm the new address" document={Confirm} variables={() => ({ token })} onDone={({ user }) => setEmail(user?.email)}>
          <p>Confirm that this address shall be the one of your account.</p>
        </Form>
      )}
      {!token && <p>This page is opened by the link in our mail. You ask for one in <Link href="/account">your account</Link>.</p>}
    </Entry>
  );
}
