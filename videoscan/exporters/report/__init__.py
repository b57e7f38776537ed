"""The HTML report: its template, style and script, and (in `view`) what they say about a timeline."""
