"""
Dates, countdowns and counts in words, English and Korean; for letters, pages and the command line.

Any locale but "ko" is English. The wording follows the style the pages use: the two largest units of a
countdown only, numbers up to ten spelled out, Korean without a particle that would depend on a typed name.
"""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, timedelta

_WEEKDAYS_KO = ("월요일", "화요일", "수요일", "목요일", "금요일", "토요일", "일요일")
_WEEKDAYS_EN = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS_EN = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_NUMBERS_EN = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
#: Korean counts people in native numbers while they are small: 일곱 사람, but 11명.
_NUMBERS_KO = ("", "한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉", "열")
#: The zone a reader of Korean takes for granted.
_ZONE_KO = "Asia/Seoul"


def date_in_words(local: datetime, zone: str, locale: str) -> str:
    """
    Say a wall time in words: 'Thursday, 8 May 2036, 9:00 in the morning (Asia/Seoul)' or
    '2036년 5월 8일 목요일 오전 9시'.

    `local` is the naive wall time in `zone` (an IANA name). In Korean the zone is said first, and only when
    it is not Korea's, so that a particle may follow the time. Seconds are said only when there are any.
    """
    if locale == "ko":
        words = f"{day_in_words(local, locale)} {_time_ko(local)}"
        return words if zone == _ZONE_KO else f"{zone} 시각 {words}"
    return f"{day_in_words(local, locale)}, {_time_en(local)} ({zone})"


def day_in_words(day: date, locale: str) -> str:
    """Say a day in words: 'Thursday, 8 May 2036' or '2036년 5월 8일 목요일'."""
    if locale == "ko":
        return f"{day.year}년 {day.month}월 {day.day}일 {_WEEKDAYS_KO[day.weekday()]}"
    return f"{_WEEKDAYS_EN[day.weekday()]}, {day.day} {_MONTHS_EN[day.month - 1]} {day.year}"


def short_day(day: date, locale: str) -> str:
    """Say a day without its weekday: '8 May 2036' or '2036년 5월 8일'."""
    if locale == "ko":
        return f"{day.year}년 {day.month}월 {day.day}일"
    return f"{day.day} {_MONTHS_EN[day.month - 1]} {day.year}"


def month_in_words(month: int, locale: str) -> str:
    """Name a month, 1 to 12: 'August' or '8월'."""
    return f"{month}월" if locale == "ko" else _MONTHS_EN[month - 1]


def countdown_in_words(now: datetime, opens_at: datetime, locale: str) -> str:
    """
    Say how long it still takes, in the two largest units: '9 years 167 days', '32 days',
    '7 hours 20 minutes', '20 minutes', 'soon'; '9년 167일', '32일', '7시간 20분', '20분', '곧'.

    Both are aware instants. Everything is rounded down, so the words never promise too late a time; the
    last minute and everything after it is 'soon'. Years are calendar years, days are 24 hours.
    """
    now, opens_at = now.astimezone(UTC), opens_at.astimezone(UTC)
    years = 0
    while years < opens_at.year - now.year and _years_later(now, years + 1) <= opens_at:
        years += 1
    left = opens_at - _years_later(now, years)
    hours, minutes = left.seconds // 3600, left.seconds % 3600 // 60
    if left < timedelta(minutes=1) and not years:
        return "곧" if locale == "ko" else "soon"
    if years:
        units = [(years, "년", "year"), (left.days, "일", "day")]
    elif left.days:
        units = [(left.days, "일", "day")]
    else:
        units = [(hours, "시간", "hour"), (minutes, "분", "minute")]
    if locale == "ko":
        return " ".join(f"{count}{korean}" for count, korean, _ in units if count)
    return " ".join(_counted(count, english) for count, _, english in units if count)


def people_in_words(people: int, locale: str) -> str:
    """
    Count people: 'seven people', '12 people'; '일곱 사람', '12명'. A Korean answer always ends in a
    consonant, so 이, 과 and 은 may follow it.
    """
    if locale == "ko":
        return f"{_NUMBERS_KO[people]} 사람" if 0 < people < len(_NUMBERS_KO) else f"{people}명"
    number = _NUMBERS_EN[people] if 0 <= people < len(_NUMBERS_EN) else f"{people:,}"
    return f"{number} {'person' if people == 1 else 'people'}"


def contents_in_words(*, photos: int, clips: int, stories: int, locale: str, voices: int = 0) -> str:
    """
    Count what a capsule holds: '143 photos, 2 clips, 3 voice notes and 9 stories'; '사진 143장과 영상 2편,
    목소리 3편, 이야기 9편'.

    Kinds with nothing in them are left out; nothing at all is an empty string. A Korean answer always ends
    in a consonant, so 이, 과 and 은 may follow it.
    """
    if locale == "ko":
        kinds = [
            (photos, "사진", "장"), (clips, "영상", "편"), (voices, "목소리", "편"), (stories, "이야기", "편")
        ]  # fmt: skip
        korean = [f"{what} {count:,}{unit}" for count, what, unit in kinds if count]
        return "과 ".join([korean[0], ", ".join(korean[1:])]) if len(korean) > 1 else "".join(korean)
    names = [
        (photos, "photo", "photos"), (clips, "clip", "clips"), (voices, "voice note", "voice notes"),
        (stories, "story", "stories"),
    ]  # fmt: skip
    english = [f"{count:,} {one if count == 1 else many}" for count, one, many in names if count]
    return " and ".join(filter(None, [", ".join(english[:-1]), *english[-1:]]))


def _years_later(instant: datetime, years: int) -> datetime:
    """The same day `years` later; 29 February becomes 28 February in a common year."""
    year = instant.year + years
    return instant.replace(year=year, day=min(instant.day, calendar.monthrange(year, instant.month)[1]))


def _counted(count: int, unit: str) -> str:
    return f"{count:,} {unit}{'' if count == 1 else 's'}"


def _time_en(local: datetime) -> str:
    seconds = f":{local.second:02}" if local.second else ""
    clock = f"{(local.hour - 1) % 12 + 1 if local.hour else 0}:{local.minute:02}{seconds}"
    if (local.hour, local.minute, local.second) == (0, 0, 0):
        # "midnight" could mean either end of the day; this cannot.
        return f"{clock}, as the day begins"
    if (local.hour, local.minute, local.second) == (12, 0, 0):
        return f"{clock} noon"
    if local.hour == 0 or local.hour >= 22:
        return f"{clock} at night"
    if local.hour < 12:
        return f"{clock} in the morning"
    return f"{clock} in the {'afternoon' if local.hour < 18 else 'evening'}"


def _time_ko(local: datetime) -> str:
    hour = (local.hour - 1) % 12 + 1
    if local.hour == 0:
        half = "0시"
    elif (local.hour, local.minute, local.second) == (12, 0, 0):
        half = "낮 12시"
    else:
        half = f"{'오전' if local.hour < 12 else '오후'} {hour}시"
    minute = f" {local.minute}분" if local.minute else ""
    second = f" {local.second}초" if local.second else ""
    return half + minute + second
