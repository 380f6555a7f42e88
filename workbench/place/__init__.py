"""Placement: cost, environment, search and learning agents, pictures of floorplans."""
