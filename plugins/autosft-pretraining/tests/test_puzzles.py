"""Jigsaw puzzles: orders that differ, and tiles that stand where the order says."""

from __future__ import annotations

import itertools

import torch

from autosft_pretraining.puzzles import ORDERS, SHOWN, distant_orders, laid_out


def test_orders_are_distinct_and_differ_in_most_places():
    orders = distant_orders(9, ORDERS)
    assert orders.shape == (ORDERS, 9) and all(sorted(order) == list(range(9)) for order in orders)
    differences = [(one != other).sum() for one, other in itertools.combinations(orders, 2)]
    assert min(differences) >= 7
    assert (distant_orders(9, ORDERS) == orders).all()


def test_of_four_tiles_there_are_no_more_than_24_orders():
    orders = distant_orders(4, ORDERS)
    assert len({tuple(order) for order in orders.tolist()}) == len(orders) == 24


def test_tiles_stand_where_the_order_says_with_gaps_between_them_and_without_a_brightness_of_their_own():
    side, tiles = 24, 2
    pictures = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    pictures[0] *= 0.01
    for cell, (down, across) in enumerate(itertools.product(range(tiles), repeat=2)):
        pictures[0, :, 12 * down : 12 * down + 12, 12 * across : 12 * across + 12] += 5.0 * cell
        pictures[1, 0, 12 * down : 12 * down + 12, 12 * across : 12 * across + 12] += 100.0 * cell  # a hue
    orders = torch.tensor([[3, 1, 0, 2], [0, 1, 2, 3]])

    seen = laid_out(pictures, orders, tiles, torch.Generator().manual_seed(1))
    again = laid_out(pictures, orders, tiles, torch.Generator().manual_seed(1))
    other = laid_out(pictures, orders, tiles, torch.Generator().manual_seed(2))

    shown = round(SHOWN * 12)
    assert seen.shape == pictures.shape and torch.equal(seen, again) and not torch.equal(seen, other)
    for down, across in itertools.product(range(tiles), repeat=2):
        cell = seen[:, :, 12 * down : 12 * down + 12, 12 * across : 12 * across + 12]
        assert ((cell != 0).any(1).sum((1, 2)) == shown**2).all() and (cell[:, :, 0] == 0).all()
        torch.testing.assert_close(cell.mean((1, 2, 3)), torch.zeros(2), atol=1e-4, rtol=0)


def test_a_tile_is_a_part_of_the_cell_that_the_order_names():
    numbers = torch.arange(24.0 * 24).reshape(1, 1, 24, 24) ** 1.5  # every part has contrasts of its own
    pictures = numbers.repeat(1, 3, 1, 1)
    order = torch.tensor([[3, 2, 1, 0]])
    seen = laid_out(pictures, order, 2, torch.Generator().manual_seed(0))
    shown = round(SHOWN * 12)
    margin = (12 - shown) // 2
    for place, source in enumerate(order[0].tolist()):
        down, across = (12 * (place // 2) + margin, 12 * (place % 2) + margin)
        tile = seen[0, 0, down : down + shown, across : across + shown]
        cell = pictures[0, :, 12 * (source // 2) : 12 * (source // 2) + 12, 12 * (source % 2) : 12 * (source % 2) + 12]
        parts = [cell[:, y : y + shown, x : x + shown] for y in range(13 - shown) for x in range(13 - shown)]
        scaled = [((one - one.mean()) / (one.var(correction=0) + 1e-3).sqrt())[0] for one in parts]
        assert min(float((one - tile).abs().max()) for one in scaled) < 1e-3
