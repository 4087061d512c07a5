"""One page for a pair of eyes: which frames of a rendered job are bad, and how all of them hold together."""
