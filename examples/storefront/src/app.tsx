import { lazy, Suspense, type ReactNode } from "react";
import { Route, Switch, useLocation } from "wouter";
import { Gate } from "./account/gate";
import { Header } from "./catalogue/header";
import { HomePage } from "./catalogue/home-page";
import { BrandPage, CategoryPage, SearchPage } from "./catalogue/results-page";
import { Boundary } from "./ui/boundary";
import { Footer } from "./ui/footer";
import { Notices } from "./ui/notices";
import { useNavigation } from "./ui/navigation";
import { NotFoundPage } from "./ui/page";

const Product = lazy(() => import("./product/product-page"));
const entry = (name: "SignInPage" | "RegisterPage" | "PasswordResetPage" | "EmailChangePage") =>
  lazy(() => import("./account/entry-pages").then((pages) => ({ default: pages[name] as () => ReactNode })));
const PAGES = {
  "/cart": lazy(() => import("./cart/cart-page")),
  "/sign-in": entry("SignInPage"),
  "/register": entry("RegisterPage"),
  "/password-reset": entry("PasswordResetPage"),
  "/email-change": entry("EmailChangePage"),
  "/account": lazy(() => import("./account/account-page")),
};

export function App() {
  useNavigation();
  const [path] = useLocation();
  return (
    <>
      <a className="skip" href="#main" onClick={(event) => (event.preventDefault(), document.getElementById("main")?.focus())}>Skip to content</a>
      <Header />
      <main id="main" tabIndex={-1}>
        <Boundary path={path}>
          <Suspense fallback={<div className="page" aria-busy="true" />}>
            <Gate><Switch>
              <Route path="/"><HomePage /></Route>
              <Route path="/search"><SearchPage /></Route>
              <Route path="/categories/:slug">{({ slug }) => <CategoryPage slug={slug} key={slug} />}</Route>
              <Route path="/brands/:slug">{({ slug }) => <BrandPage slug={slug} key={slug} />}</Route>
              <Route path="/products/:slug">{({ slug }) => <Product slug={slug} />}</Route>
              {Object.entries(PAGES).map(([path, Lazy]) => <Route key={path} path={path}><Lazy /></Route>)}
              <Route><NotFoundPage /></Route>
            </Switch></Gate>
          </Suspense>
        </Boundary>
      </main>
      <Footer />
      <Notices />
    </>
  );
}
