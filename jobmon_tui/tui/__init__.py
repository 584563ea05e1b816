"""The full-screen application: the only part of jobmon that knows Textual."""
