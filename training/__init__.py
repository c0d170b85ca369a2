"""Trains, measures and exports the networks. Never imported by the web product; the contract is `models/`."""
