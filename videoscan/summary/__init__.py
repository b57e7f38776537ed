"""Summary, chapters and what stands out, made of events: by rule, or by a model that is shown the events as text."""
