import { lazy, type ReactNode } from "react";
import { useLocation } from "wouter";
import { useSession } from "../api/session";
import { useShop } from "../ui/shop";

const SignIn = lazy(() => import("./entry-pages").then((pages) => ({ default: pages.SignInPage })));
const OPEN = ["/sign-in", "/register", "/password-reset", "/email-change"];

/** Where the catalogue is closed, sign-in comes first, and then the page that was asked for. */
export function Gate({ children }: { children: ReactNode }) {
  const { isSignedIn } = useSession();
  const shop = useShop();
  const [path] = useLocation();
  if (!shop || shop.catalogIsPublic || isSignedIn || OPEN.includes(path)) return children;
  return <SignIn words="This shop is open to its customers only." next={path + location.search} />;
}
