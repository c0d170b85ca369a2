"""Directories of others: one file per format reads drafts, `checking` judges them, `preview` puts it together."""
