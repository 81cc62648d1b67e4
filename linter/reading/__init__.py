"""Evidence in, scores out: how likely a message breaks each rule, learned from cases, and which words carry that."""
