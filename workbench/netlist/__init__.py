"""Netlists and floorplans as data, their readers and writers, clustering."""
