"""Conformance suites and a scriptable model server, public: use them to test your own parts."""
