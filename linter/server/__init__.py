"""`kefulint serve`: the guard between the agent and the send button, over HTTP and a WebSocket.

Messages come in, the answers of `linter.answer` go out; decisions and reviews are put on record. No rule logic is here.
"""
