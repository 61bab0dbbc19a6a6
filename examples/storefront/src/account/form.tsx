/** A form that sends one mutation. What the service finds wrong stands beside the field that it names. */
import { createContext, useContext, useId, useRef, useState, type InputHTMLAttributes, type ReactNode } from "react";
import { useClient, type AnyVariables, type TypedDocumentNode } from "urql";
import { Mistake, wordsOf, wordsOfFailure } from "../api/errors";
import { readFragment, type FragmentType } from "../gql";
import "./account.css";

type Values = Record<string, string>;
interface Payload { token?: string | null; errors: readonly FragmentType<typeof Mistake>[] }
interface Props<P, Variables> {
  submit: string; look?: string; children?: ReactNode;
  document: TypedDocumentNode<{ payload?: P | null }, Variables>;
  /** Made of the fields' values by name; without it, these are the variables. */
  variables?: (values: any) => Variables;
  onDone: (payload: P, values: Values) => void;
}

const Mistakes = createContext<Values>({});

export function Form<P extends Payload, Variables extends AnyVariables>(
  { submit, look = "", children, document, variables = (values) => values, onDone }: Props<P, Variables>,
) {
  const client = useClient();
  const form = useRef<HTMLFormElement>(null);
  const [isBusy, setBusy] = useState(false);
  const [mistakes, setMistakes] = useState<Values>({});

  const send = async () => {
    const values = Object.fromEntries(new FormData(form.current!)) as Values;
    setBusy(true);
    const { data, error } = await client.mutation(document, variables(values));
    setBusy(false);
    const payload = data?.payload;
    const found: Values = payload ? {} : { "": wordsOfFailure(error ?? new Error()) };
    for (const mistake of payload?.token ? [] : readFragment(Mistake, payload?.errors ?? [])) {
      const name = mistake.field?.at(-1) ?? "";
      found[name in values ? name : ""] ??= wordsOf(mistake);
    }
    setMistakes(found);
    const [first] = Object.keys(found);
    if (first) (form.current?.elements.namedItem(first) as HTMLElement).focus();
    if (first !== undefined || !payload) return;
    form.current?.reset();
    onDone(payload, values);
  };

  return (
    <Mistakes value={mistakes}>
      <form ref={form} className="form" onSubmit={(event) => { event.preventDefault(); if (!isBusy) void send(); }}>
        {children}
        {mistakes[""] && <p className="problem" role="alert">{mistakes[""]}</p>}
        <button className={`button ${look}`} aria-busy={isBusy}>{isBusy ? "One moment…" : submit}</button>
      </form>
    </Mistakes>
  );
}

export function Field({ name, label, hint, ...input }: { name: string; label: string; hint?: string } & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId();
  const mistake = useContext(Mistakes)[name];
  const words = mistake ?? hint;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input id={id} name={name} required {...input} aria-invalid={!!mistake} aria-describedby={words ? `${id}-words` : undefined} />
      {words && <p id={`${id}-words`} className={mistake ? "problem" : "muted"}>{words}</p>}
    </div>
  );
}

export const EmailField = () => <Field name="email" label="E-mail address" type="email" autoComplete="username" />;
export const NameFields = ({ remark = "", firstName = "", lastName = "" }) => (
  <>
    <Field name="firstName" label={`First name${remark}`} autoComplete="given-name" defaultValue={firstName} required={false} />
    <Field name="lastName" label={`Last name${remark}`} autoComplete="family-name" defaultValue={lastName} required={false} />
  </>
);
export const PasswordField = ({ name = "password", label = "Password" }) => <Field name={name} label={label} type="password" autoComplete="current-password" />;
export const NewPasswordField = ({ name = "newPassword", label = "New password" }) =>
  <Field name={name} label={label} type="password" autoComplete="new-password" minLength={8} hint="At least 8 characters; not one that is often used." />;
/** For password managers: which account the password of this form belongs to. */
export const HiddenUsername = ({ email = "" }) => <input type="text" autoComplete="username" value={email} readOnly hidden />;
