"""What tables contain, and how they are written as Markdown, CSV and LaTeX."""
