import { useRef, useState, type ReactNode } from "react";
import { useQuery } from "urql";
import { Redirect } from "wouter";
import { forget, signOut, signedIn, useSession } from "../api/session";
import { graphql } from "../gql";
import { notify } from "../ui/notices";
import { Page } from "../ui/page";
import { Problem } from "../ui/problem";
import { Field, Form, HiddenUsername, NameFields, NewPasswordField, PasswordField } from "./form";

const Me = graphql(`query Me { me { id email firstName lastName } }`);
const UpdateProfile = graphql(`mutation UpdateProfile($input: ProfileUpdateInput!) { payload: profileUpdate(input: $input) { user { id firstName lastName } errors { ...Mistake } } }`);
const AskEmailChange = graphql(`mutation AskEmailChange($input: EmailChangeRequestInput!) { payload: emailChangeRequest(input: $input) { requested errors { ...Mistake } } }`);
const ChangePassword = graphql(`mutation ChangePassword($input: PasswordChangeInput!) { payload: passwordChange(input: $input) { token refreshToken expiresAt errors { ...Mistake } } }`);
const SignOutEverywhere = graphql(`mutation SignOutEverywhere { payload: revokeAllTokens { revoked errors { ...Mistake } } }`);
const DeleteAccount = graphql(`mutation DeleteAccount($password: String!) { payload: accountDelete(password: $password) { requested errors { ...Mistake } } }`);
/** The fields' values, for a mutation that takes them as one input. */
const asInput = <Input,>(input: Input) => ({ input });

export default function AccountPage() {
  const { isSignedIn } = useSession();
  const [{ data, error }, ask] = useQuery({ query: Me, pause: !isSignedIn });
  if (!isSignedIn) return <Redirect to="/sign-in" replace />;
  return (
    <Page title="Account" className="account">
      <h1>{data?.me?.firstName ? `Hello, ${data.me.firstName}` : "Your account"}</h1>
      {error && !data && <Problem error={error} retry={() => ask({ requestPolicy: "network-only" })} />}
      {data?.me && <Account {...data.me} />}
    </Page>
  );
}

function Account({ email, firstName, lastName }: { email: string; firstName: string; lastName: string }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [sentTo, setSentTo] = useState("");
  return (
    <>
      <p className="muted">You are signed in as {email}.</p>
      <Section title="Your name">
        <Form
          key={`${firstName} ${lastName}`} submit="Save" document={UpdateProfile} variables={asInput}
          onDone={() => notify("Your name is saved.")}
        >
          <NameFields firstName={firstName} lastName={lastName} />
        </Form>
      </Section>
      <Section title="E-mail address">
        <p role="status">{sentTo && `A mail with a link is on its way to ${sentTo}. Until it is opened, ${email} stays your address.`}</p>
        <Form submit="Send me a link" document={AskEmailChange} variables={asInput} onDone={(_, { newEmail }) => setSentTo(newEmail!)}>
          <Field name="newEmail" label="New e-mail address" type="email" autoComplete="email" />
          <PasswordField />
        </Form>
      </Section>
      <Section title="Password">
        <Form
          submit="Change the password" document={ChangePassword} variables={asInput}
          onDone={(pair) => { signedIn(pair); notify("Your password is changed. All other devices are signed out."); }}
        >
          <HiddenUsername email={email} />
          <PasswordField name="currentPassword" label="Current password" />
          <NewPasswordField />
        </Form>
      </Section>
      <Section title="Signing out">
        <div className="buttons">
          <button className="button quiet" onClick={signOut}>Sign out</button>
          <Form look="quiet" submit="Sign out on every device" document={SignOutEverywhere} onDone={() => forget("You are signed out on every device.")} />
        </div>
      </Section>
      <Section title="Delete the account">
        <p>Your address, your names and your cart are erased at once and for good.</p>
        <button className="button quiet danger" onClick={() => dialog.current?.showModal()}>Delete my account …</button>
        <dialog ref={dialog} aria-labelledby="delete">
          <h2 id="delete">Delete your account?</h2>
          <p>This cannot be undone. Your password confirms it.</p>
          <Form look="quiet danger" submit="Delete for good" document={DeleteAccount} onDone={() => forget("Your account is deleted.")}>
            <HiddenUsername email={email} />
            <PasswordField />
          </Form>
          <form method="dialog"><button className="button quiet">Keep it</button></form>
        </dialog>
      </Section>
    </>
  );
}

const Section = ({ title, children }: { title: string; children: ReactNode }) => <section className="card"><h2>{title}</h2>{children}</section>;
