"""Rosters and capacity of the store: the problem from what it has, drafts, their difference, publishing, the calendar.

demand (`history`) -> problem (`problem`) -> draft (`drafts`) -> difference (`difference`) -> published (`publish`);
`again` for somebody who is off, `calendar` for all of it every night.
"""
