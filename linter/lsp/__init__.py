"""`kefulint lsp`: files of replies checked in the editor, by the Language Server Protocol.

Texts come in as they are typed, diagnostics, explanations and quick fixes go out. No rule logic is here.
"""
