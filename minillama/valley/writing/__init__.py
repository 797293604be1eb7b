"""The writers of the corpus: one file per source, and the phrase grammar and fact sentences they share."""
