import { Link } from "wouter";
import { useShop } from "./shop";

const PLACES = { New: "/search?sort=new", Sale: "/search?sale=1", "Best rated": "/search?sort=rating", Account: "/account", Cart: "/cart" };

export function Footer() {
  return (
    <footer className="footer">
      <nav className="page" aria-label="More">
        <p className="logo" dir="auto">{useShop()?.name ?? "\u00a0"}</p>
        {Object.entries(PLACES).map(([name, href]) => <Link key={name} href={href}>{name}</Link>)}
      </nav>
    </footer>
  );
}
