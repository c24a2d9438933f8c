"""Training of time-to-first-spike networks by gradient descent on their spike times."""
