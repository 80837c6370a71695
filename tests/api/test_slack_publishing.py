"""When Homes are drawn: the newest of each person, one at a time, and none is lost."""

import asyncio

from api.slack_answers import Home
from api.slack_publishing import Publishing


class Drawn:
    """Records what is drawn, and how much at once."""

    def __init__(self) -> None:
        self.homes: list[Home] = []
        self.at_once = 0
        self.fails = False

    async def draw(self, home: Home) -> None:
        self.at_once += 1
        assert self.at_once == 1, "one at a time"
        await asyncio.sleep(0.01)
        self.at_once -= 1
        self.homes.append(home)
        if self.fails:
            raise RuntimeError("not drawn")


async def test_of_many_wishes_the_first_and_the_newest_are_drawn() -> None:
    drawn, publishing = Drawn(), Publishing(every=0.05)

    wishes = [Home("U01ANN", number, decided="0" * 32, said="Too late." if number == 3 else "") for number in range(50)]
    await asyncio.gather(*(publishing.newest(wish, drawn.draw) for wish in wishes))

    assert [(home.page, home.said) for home in drawn.homes] == [(49, "Too late.")]
    await publishing.newest(Home("U01ANN", 7), drawn.draw)
    assert drawn.homes[-1].page == 7


async def test_everybody_gets_theirs_and_nobody_waits_for_the_pause_of_another() -> None:
    drawn, publishing = Drawn(), Publishing(every=3600)

    async with asyncio.timeout(10):
        await asyncio.gather(*(publishing.newest(Home(f"U{n}"), drawn.draw) for n in range(5)))

    assert sorted(home.user for home in drawn.homes) == [f"U{n}" for n in range(5)]


async def test_a_home_that_could_not_be_drawn_keeps_nobody_from_the_next() -> None:
    drawn, publishing = Drawn(), Publishing(every=0)
    drawn.fails = True
    (failed,) = await asyncio.gather(publishing.newest(Home("U01ANN"), drawn.draw), return_exceptions=True)
    assert isinstance(failed, RuntimeError)
    drawn.fails = False

    await publishing.newest(Home("U01ANN", 2), drawn.draw)

    assert [home.page for home in drawn.homes] == [0, 2]
