"""Models as programs declare them, and the schemas that pydantic makes of them."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal, NamedTuple, Optional, Union
from uuid import UUID

from pydantic import AnyUrl, BaseModel, ConfigDict, Field, RootModel, conint, conlist, constr


class Color(str, Enum):
    RED = "red"
    GREEN = "green"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Address(BaseModel):
    """Where somebody lives.

    Streets have names.
    """

    street: str = Field(description="Street and number.", examples=["1 Main St"])
    zip_code: Annotated[str, Field(pattern=r"^[0-9]{5}$")]
    country: Optional[str] = None  # noqa: UP045  as older programs write it


class Person(BaseModel):
    name: Annotated[str, Field(min_length=1, max_length=40)]
    age: Annotated[int, Field(ge=0, lt=150)] | None = None
    home: Address
    work: Address | None = Field(None, description="Where they work.")
    friends: list[Person] = []


class Tree(BaseModel):
    value: int
    left: Tree | None = None
    right: Tree | None = None


class Paint(BaseModel):
    color: Color
    level: Level = Level.LOW
    finish: Literal["matt", "gloss", 3, True] | None = "matt"


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = Field(9, ge=0, le=9)


class Dog(BaseModel):
    """A dog."""

    kind: Literal["dog"]
    good: bool = True


class Owner(BaseModel):
    pet: Annotated[Union[Cat, Dog], Field(discriminator="kind")]  # noqa: UP007  the same
    others: list[Cat | Dog] = Field(default_factory=list, max_length=3)


class Times(BaseModel):
    at: datetime
    day: date
    hour: time | None = None
    lasts: timedelta
    key: UUID
    link: AnyUrl


class Numbers(BaseModel):
    small: conint(gt=0, multiple_of=2)  # type: ignore[valid-type]
    ratio: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    price: Decimal
    either: int | float | str


class Tables(BaseModel):
    counts: dict[str, int]
    nested: dict[str, dict[str, list[float]]] = {}
    anything: Any = None
    free: dict[str, Any] = Field(default_factory=dict)
    by_color: dict[Color, int] = {}


class Point(NamedTuple):
    x: float
    y: float


class Lists(BaseModel):
    pair: tuple[int, str]
    many: tuple[int, ...] = ()
    unique: set[Literal["a", "b"]] = Field(description="Which.\n\nBoth will do.")
    few: conlist(constr(min_length=1), min_length=1, max_length=3)  # type: ignore[valid-type]
    at: Point
    frozen: frozenset[int] = frozenset()


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")
    city: str = Field(alias="city name")
    days: int = Field(3, deprecated=True)


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, int]
    name: str


class Names(RootModel[list[str]]):
    """Only a list."""


class Box(BaseModel):
    content: Union[Box, str, list[Box]]  # noqa: UP007  the same


MODELS: tuple[type[BaseModel], ...] = (
    *(Address, Person, Tree, Paint, Owner, Times, Numbers, Tables, Lists, Strict, Open, Names, Box),
)
