import { useQuery } from "urql";
import { graphql } from "../gql";

const ShopDocument = graphql(`
  query Shop {
    shop { name currency currencyDigits catalogIsPublic guestCarts }
  }
`);

/** The shop's name and currency, and whether strangers may look and have a cart; undefined until it is known. */
export const useShop = () => useQuery({ query: ShopDocument })[0].data?.shop;

const formats: Record<string, Intl.NumberFormat> = {};

/** Writes amounts as people write them here: €1,299.00, ¥1,200, KWD 1.250. A string keeps all its digits. */
export function useMoney() {
  const shop = useShop();
  const digits = shop?.currencyDigits;
  return (amount: string | number, currency = shop?.currency ?? "EUR") => {
    const options = { style: "currency", currency, minimumFractionDigits: digits, maximumFractionDigits: digits } as const;
    formats[`${currency}${digits}`] ??= new Intl.NumberFormat(undefined, options);
    return formats[`${currency}${digits}`]!.format(amount as number);
  };
}

export function Money({ amount, currency }: { amount: string; currency: string }) {
  return <>{useMoney()(amount, currency)}</>;
}
