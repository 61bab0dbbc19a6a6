import { execSync } from "node:child_process";
import { readFileSync } from "node:fs";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

// A document becomes an import of its own, so that each page brings those that it uses and no other.
function documents(): Plugin {
  return {
    name: "documents",
    enforce: "pre",
    // While you write, a document that is saved is generated anew. What is wrong with it stands in the terminal.
    configureServer({ watcher }) {
      watcher.on("change", (file) => {
        if (!/\/src\/(?!gql\/).*\.tsx?$/.test(file) || !readFileSync(file, "utf8").includes("graphql(`")) return;
        try { execSync("npm run --silent codegen", { stdio: ["ignore", "ignore", "inherit"] }); } catch { /* it was told */ }
      });
    },
    transform(code, id) {
      if (!/\/src\/(?!gql\/).*\.tsx?$/.test(id) || !code.includes("graphql(`")) return;
      const names: string[] = [];
      const text = code.replace(/\bgraphql\(`\s*(\w+)\s+(\w+)[^`]*`\)/g, (whole, kind: string, name: string) => {
        names.push(`${name}${kind === "fragment" ? "FragmentDoc" : "Document"}`);
        return `_${names.at(-1)}` + "\n".repeat(whole.split("\n").length - 1);
      });
      const imports = names.map((name) => `${name} as _${name}`).join(", ");
      return { code: `import { ${imports} } from "/src/gql/graphql.ts"; ${text}`, map: null };
    },
  };
}

// VITE_VITRINE_URL: the address of the service. Empty in a build: the same origin as the shop.
export default defineConfig({
  plugins: [documents(), react()],
  server: { port: 5173, strictPort: true },
  preview: { port: 4173, strictPort: true },
  build: { target: "es2022", modulePreload: { polyfill: false }, license: { fileName: "assets/licenses.md" } },
});
