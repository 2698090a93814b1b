"""What an app or a server embeds, written as a folder."""
