CREATE EXTENSION IF NOT EXISTS vector;
CREATE TABLE IF NOT EXISTS {{ table | identifier }} (
  chunk_id text PRIMARY KEY,
  document text NOT NULL,
  content text NOT NULL,
  embedding vector({{ dimensions }}) NOT NULL
);
CREATE INDEX IF NOT EXISTS {{ index | identifier }} ON {{ table | identifier }}
  USING hnsw (embedding {{ operators }}) WITH (m = {{ m }}, ef_construction = {{ ef_construction }});
