"""What is said to people in English and Hindi: refusals, and the titles of problems told over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from optimizer.bookings import RefusalCode


class Language(StrEnum):
    """In which language people are told."""

    EN = "en"
    HI = "hi"


IN_HINDI: Mapping[RefusalCode, str] = {
    RefusalCode.UNKNOWN_BOOKING: "ऐसी कोई बुकिंग, रोक या डिलीवरी नहीं है",
    RefusalCode.UNKNOWN_SLOT: "इस समय कोई स्लॉट शुरू नहीं होता",
    RefusalCode.SLOT_NOT_OFFERED: "यह स्लॉट नहीं दिया जा सकता",
    RefusalCode.SAME_SLOT: "बुकिंग पहले से इसी स्लॉट में है",
    RefusalCode.SLOT_TAKEN_TWICE: "दो सेवाओं के लिए दो अलग स्लॉट चाहिए",
    RefusalCode.HOLD_EXPIRED: "रोकने का समय खत्म हो गया है",
    RefusalCode.HOLD_AT_RISK: "दिन बदल गया है, अब यह स्लॉट नहीं निभाया जा सकता",
    RefusalCode.HOLD_OF_ANOTHER_CALLER: "यह स्लॉट किसी और ने रोका है; वही इसे पक्का कर या छोड़ सकते हैं",
    RefusalCode.NOT_A_HOLD: "यह रोका हुआ स्लॉट नहीं है",
    RefusalCode.ALREADY_CONFIRMED: "यह पहले ही पक्की बुकिंग है",
    RefusalCode.ALREADY_EXTENDED: "रोकने का समय केवल एक बार बढ़ सकता है",
    RefusalCode.ALREADY_CANCELLED: "यह बुकिंग पहले ही रद्द हो चुकी है",
    RefusalCode.ALREADY_MOVED: "यह बुकिंग पहले ही दूसरे स्लॉट में जा चुकी है",
    RefusalCode.ILLEGAL_TRANSITION: "बुकिंग की अभी की स्थिति में यह नहीं हो सकता",
    RefusalCode.CODE_NEEDED: "सेवा न हो पाने का कारण, और केवल तभी, बताना होता है",
    RefusalCode.TOO_EARLY: "अभी बहुत जल्दी है: बुकिंग का दिन शुरू नहीं हुआ है",
    RefusalCode.TOO_LATE_TO_MOVE: "स्लॉट बदलने का समय निकल चुका है",
    RefusalCode.TOO_LATE_TO_CANCEL: "रद्द करने का समय निकल चुका है",
    RefusalCode.PLAN_OUTDATED: "योजना बनने के बाद दिन बदल गया है",
    RefusalCode.PLAN_BREAKS_RULES: "यह योजना नियम तोड़ती है",
    RefusalCode.DAY_PUBLISHED: "दिन की योजना जारी हो चुकी है",
    RefusalCode.DAY_CLOSED: "यह दिन बंद है",
    RefusalCode.DAY_BEGUN: "इस दिन की सेवा शुरू हो चुकी है",
    RefusalCode.DAY_PAST: "यह दिन बीत चुका है",
    RefusalCode.CHANGED_MEANWHILE: "यह अब वैसा नहीं है जैसा पढ़ा गया था",
    RefusalCode.PROMISES_IN_THE_WAY: "इस दिन के कुछ वादे तब नहीं निभाए जा सकेंगे",
    RefusalCode.QUOTA_BELOW_PROMISED: "इस सीमा से अधिक वादे पहले ही हो चुके हैं",
    RefusalCode.ROSTER_OUTDATED: "ड्यूटी सूची बनने के बाद कुछ बदल गया है",
    RefusalCode.EXECUTIVE_AWAY: "ड्यूटी सूची का कोई कर्मचारी उस दिन छुट्टी पर है",
}
"""Each refusal in one sentence; the sentence of the refusal itself is English, with its amounts."""

TITLES: Mapping[str, tuple[str, str]] = {
    "already_cancelled": ("The booking is cancelled", IN_HINDI[RefusalCode.ALREADY_CANCELLED]),
    "already_confirmed": ("The hold is a booking already", IN_HINDI[RefusalCode.ALREADY_CONFIRMED]),
    "already_extended": ("A hold is extended once", IN_HINDI[RefusalCode.ALREADY_EXTENDED]),
    "already_moved": ("The booking has moved to another slot", IN_HINDI[RefusalCode.ALREADY_MOVED]),
    "already_published": ("The roster is published already", "यह ड्यूटी सूची पहले ही जारी हो चुकी है"),
    "bad_cursor": ("This is no cursor of a page", "यह किसी पन्ने का निशान नहीं है"),
    "bad_idempotency_key": ("The Idempotency-Key cannot be used", "Idempotency-Key काम का नहीं है"),
    "bad_json": ("The body is not JSON", "भेजा गया JSON पढ़ा नहीं जा सका"),
    "body_too_long": ("The body is too long", "भेजा गया डेटा बहुत बड़ा है"),
    "body_too_slow": ("The body took too long to arrive", "डेटा आने में बहुत समय लगा"),
    "changed_meanwhile": ("It is not as it was when it was read", IN_HINDI[RefusalCode.CHANGED_MEANWHILE]),
    "city_not_allowed": ("The key is not for this city", "यह कुंजी इस शहर के लिए नहीं है"),
    "code_needed": ("Why it was not served is to be told, and only then", IN_HINDI[RefusalCode.CODE_NEEDED]),
    "cursor_of_another_query": ("The cursor belongs to another query", "यह निशान किसी और खोज का है"),
    "day_begun": ("Visits of the day have begun", IN_HINDI[RefusalCode.DAY_BEGUN]),
    "day_closed": ("The day is closed", IN_HINDI[RefusalCode.DAY_CLOSED]),
    "day_past": ("The day is over", IN_HINDI[RefusalCode.DAY_PAST]),
    "day_published": ("The plan of the day is published", IN_HINDI[RefusalCode.DAY_PUBLISHED]),
    "defect": ("An error of the service itself", "सेवा में ही कोई गड़बड़ी है"),
    "executive_away": ("Somebody of the roster is away then", IN_HINDI[RefusalCode.EXECUTIVE_AWAY]),
    "hold_at_risk": ("The hold cannot be kept any more", IN_HINDI[RefusalCode.HOLD_AT_RISK]),
    "hold_expired": ("The hold has run out", IN_HINDI[RefusalCode.HOLD_EXPIRED]),
    "hold_of_another_caller": ("The hold is another caller's", IN_HINDI[RefusalCode.HOLD_OF_ANOTHER_CALLER]),
    "hold_released": ("The hold was given up", "रोका हुआ स्लॉट छोड़ा जा चुका है"),
    "idempotency_key_missing": ("An Idempotency-Key is needed", "Idempotency-Key भेजना ज़रूरी है"),
    "idempotency_key_reused": (
        "The Idempotency-Key stands for another request",
        "यह Idempotency-Key किसी और अनुरोध की है",
    ),
    "illegal_transition": (
        "The booking does not stand where this could be done",
        IN_HINDI[RefusalCode.ILLEGAL_TRANSITION],
    ),
    "invalid_input": ("The request breaks rules", "अनुरोध नियमों के अनुसार नहीं है"),
    "key_missing": ("A key is needed", "कुंजी चाहिए"),
    "key_revoked": ("The key is revoked", "यह कुंजी रद्द हो चुकी है"),
    "key_unknown": ("There is no such key", "ऐसी कोई कुंजी नहीं है"),
    "method_not_allowed": ("That cannot be done here", "यहाँ यह नहीं किया जा सकता"),
    "no_plan": ("The day has no published plan", "इस दिन की कोई योजना जारी नहीं हुई है"),
    "no_plan_yet": ("There is no plan yet", "अभी कोई योजना नहीं बनी है"),
    "no_roster": ("Nobody is on the roster of the day", "इस दिन की ड्यूटी सूची नहीं है"),
    "no_roster_made": ("No roster was made", "कोई ड्यूटी सूची नहीं बन सकी"),
    "not_a_hold": ("It is not a hold", IN_HINDI[RefusalCode.NOT_A_HOLD]),
    "not_a_plan": ("It belongs to no day of the store", "यह भंडार के किसी दिन की योजना नहीं है"),
    "not_acceptable": ("None of the formats asked for is offered", "माँगा गया रूप यहाँ नहीं मिलता"),
    "not_found": ("There is nothing here", "यहाँ कुछ नहीं है"),
    "not_ready": ("The service is not ready", "सेवा अभी तैयार नहीं है"),
    "plan_breaks_rules": ("The plan breaks rules", IN_HINDI[RefusalCode.PLAN_BREAKS_RULES]),
    "plan_outdated": ("The day has changed since the plan was made", IN_HINDI[RefusalCode.PLAN_OUTDATED]),
    "plan_running": ("A plan of this day is being made", "इस दिन की योजना बन रही है"),
    "promises_in_the_way": ("Promises could not be kept", IN_HINDI[RefusalCode.PROMISES_IN_THE_WAY]),
    "quota_below_promised": ("More is promised than the quota", IN_HINDI[RefusalCode.QUOTA_BELOW_PROMISED]),
    "role_not_allowed": ("The role of the key does not allow this", "इस कुंजी से यह करने की अनुमति नहीं है"),
    "roster_outdated": ("The days have changed since the roster was made", IN_HINDI[RefusalCode.ROSTER_OUTDATED]),
    "roster_running": ("A roster of this city is being made", "इस शहर की ड्यूटी सूची बन रही है"),
    "same_slot": ("The booking has this slot already", IN_HINDI[RefusalCode.SAME_SLOT]),
    "slot_not_offered": ("The slot is not offered", IN_HINDI[RefusalCode.SLOT_NOT_OFFERED]),
    "slot_taken_twice": ("Two services need two slots", IN_HINDI[RefusalCode.SLOT_TAKEN_TWICE]),
    "still_running": ("The first request is still being answered", "पहला अनुरोध अभी चल रहा है"),
    "store_failed": ("The store cannot be used now", "भंडार अभी काम नहीं कर रहा है"),
    "too_early": ("The day has not begun", IN_HINDI[RefusalCode.TOO_EARLY]),
    "too_late_to_cancel": ("It is too late to cancel", IN_HINDI[RefusalCode.TOO_LATE_TO_CANCEL]),
    "too_late_to_move": ("It is too late to move", IN_HINDI[RefusalCode.TOO_LATE_TO_MOVE]),
    "too_many_jobs": ("Too many plans are waiting", "बहुत सी योजनाएँ पहले से कतार में हैं"),
    "too_many_requests": ("Too many requests of this key", "इस कुंजी से बहुत अधिक अनुरोध आ रहे हैं"),
    "unknown_booking": ("There is no such booking", "ऐसी कोई बुकिंग नहीं है"),
    "unknown_city": ("There is no such city", "ऐसा कोई शहर नहीं है"),
    "unknown_delivery": ("There is no such delivery", "ऐसी कोई डिलीवरी नहीं है"),
    "unknown_executive": ("There is no such executive on the plan", "योजना में ऐसा कोई मितान नहीं है"),
    "unknown_hold": ("There is no such hold", "ऐसा कोई रोका हुआ स्लॉट नहीं है"),
    "unknown_key": ("There is no such key", "ऐसी कोई कुंजी नहीं है"),
    "unknown_plan": ("There is no such plan", "ऐसी कोई योजना नहीं है"),
    "unknown_restriction": ("There is no such restriction", "ऐसी कोई रोक नहीं है"),
    "unknown_roster": ("There is no such roster", "ऐसी कोई ड्यूटी सूची नहीं है"),
    "unknown_slot": ("No slot opens then", IN_HINDI[RefusalCode.UNKNOWN_SLOT]),
    "unknown_webhook": ("There is no such webhook", "ऐसा कोई webhook नहीं है"),
    "unsupported_media_type": ("The body must be application/json", "डेटा application/json के रूप में भेजें"),
}
"""The title of each problem, in English and Hindi: a closed list."""


def title_of(code: str, language: Language) -> str:
    """The title of a problem."""
    return TITLES[code][language is Language.HI]
