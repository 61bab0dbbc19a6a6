import type { ReactNode } from "react";
import { useQuery } from "urql";
import { Link } from "wouter";
import { graphql } from "../gql";

const DepartmentsDocument = graphql(`
  query Departments {
    categories { id name slug children { id name slug } }
  }
`);

/** The first two levels of the category tree. */
export const useDepartments = () => useQuery({ query: DepartmentsDocument })[0].data?.categories;

type LinksProps = { of: { slug: string; name: string }[] | undefined; className?: string; children?: ReactNode };

/** A list of links to categories; the one that is open is told apart. */
export function CategoryLinks({ of, className, children }: LinksProps) {
  return (
    <ul className={className}>
      {of?.map(({ slug, name }) => (
        <li key={slug}><Link href={`/categories/${encodeURIComponent(slug)}`} className={(here) => (here ? "here" : "")} dir="auto">{name}</Link></li>
      ))}
      {children}
    </ul>
  );
}
