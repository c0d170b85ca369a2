"""Code and sentence of every refusal, for pages and programs alike."""
