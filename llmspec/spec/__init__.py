"""What a user may write: one file per section of llm.yaml."""
