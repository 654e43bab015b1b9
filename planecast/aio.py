"""Headless reading for asyncio: `async with planecast.aio.open_image(path) as image`."""

from planecast_reader.headless.aio import AsyncImage, Opening, open_image

__all__ = ["AsyncImage", "Opening", "open_image"]
