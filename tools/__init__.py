"""Programs that make what the project ships: documents, schemas, the sample, code tables."""
