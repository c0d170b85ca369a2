"""The triage list and the verdicts of clinicians."""
