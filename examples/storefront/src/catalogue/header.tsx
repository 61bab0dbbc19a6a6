import { Link } from "wouter";
import { useSession } from "../api/session";
import { CartLink } from "../cart/cart-link";
import { Icon } from "../ui/icons";
import { useShop } from "../ui/shop";
import { CategoryLinks, useDepartments } from "./departments";
import { SearchBox } from "./search-box";

function switchTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  try { localStorage.setItem("theme", root.dataset.theme); } catch { /* without storage it lasts as long as the page */ }
}

export function Header() {
  const departments = useDepartments();
  const shop = useShop();
  const { isSignedIn } = useSession();
  return (
    <header className="header">
      <div className="bar">
        <Link className="logo" href="/" dir="auto" aria-label={shop ? undefined : "Home"}>{shop?.name ?? "\u00a0"}</Link>
        <SearchBox />
        <nav className="tools" aria-label="You">
          <button className="tool" onClick={switchTheme} aria-label="Light or dark"><Icon name="theme" /></button>
          <Link className="tool" href={isSignedIn ? "/account" : "/sign-in"} aria-label={isSignedIn ? "Your account" : "Sign in"}><Icon name="account" /></Link>
          <CartLink />
        </nav>
      </div>
      <nav className="departments" aria-label="Departments">
        <CategoryLinks of={departments}>
          {departments && <li><Link className="reduced" href="/search?sale=1">Sale</Link></li>}
        </CategoryLinks>
      </nav>
    </header>
  );
}
