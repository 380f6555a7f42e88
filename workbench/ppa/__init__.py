"""Power, performance and area of a design point from floorplan, core structures and activity."""
