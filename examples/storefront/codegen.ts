import { addTypenameSelectionDocumentTransform } from "@graphql-codegen/client-preset";
import type { CodegenConfig } from "@graphql-codegen/cli";

// Types of every document in src/, and the documents by their hash: the service's manifest of trusted documents.
const config: CodegenConfig = {
  schema: process.env.VITRINE_SCHEMA ?? "../../schema.graphql",
  documents: ["src/**/*.{ts,tsx}", "!src/gql/**"],
  ignoreNoDocuments: true,
  generates: {
    "src/gql/": {
      preset: "client",
      presetConfig: { persistedDocuments: { hashAlgorithm: "sha256" }, fragmentMasking: { unmaskFunctionName: "readFragment" } },
      documentTransforms: [addTypenameSelectionDocumentTransform],
      config: {
        useTypeImports: true,
        enumsAsTypes: true,
        strictScalars: true,
        scalars: { DateTime: "string", Decimal: "string", Upload: "File" },
      },
    },
  },
};
export default config;
