"""Recorders of the values that the TypeScript code is held against."""
