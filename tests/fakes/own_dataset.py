# SPDX-License-Identifier: Apache-2.0
"""A dataset of people as it is proposed: nothing of it is reviewed."""

UNREVIEWED = """\
# Proposed; confirm with `gateway dataset review`.
dataset:
  - fides_key: club
    name: Club
    collections:
      - name: people
        gateway:
          subject: {identity: club.person_id, field: id}
          row: {birth_date: birth_date, region: country}
          routes:
            - method: GET
              path: /club/people
              operation: read
              answer: {kind: object, rows: items, members: {total: recount}}
              parameters:
                limit: {use: limit, most: 100, default: 20}
                offset: offset
        fields:
          - {name: id, data_categories: [user.unique_id], gateway: {type: text, identifies: yes, reviewed: no}}
          - {name: full_name, data_categories: [user.name], gateway: {type: text, identifies: yes, reviewed: no}}
          # certain: 40 of 40 values are addresses of mail
          - {name: email, data_categories: [user.contact.email], gateway: {type: text, identifies: yes, reviewed: no}}
          - {name: mobile, data_categories: [user.contact.phone_number], gateway: {type: text, reviewed: no}}
          - {name: birth_date, data_categories: [user.demographic.date_of_birth], gateway: {type: date, reviewed: no}}
          - {name: city, data_categories: [user.contact.address.city], gateway: {type: text, reviewed: no}}
          - {name: country, data_categories: [user.contact.address.country], gateway: {type: text, reviewed: no}}
          - {name: tier, data_categories: [user], gateway: {type: text, reviewed: no}}  # guess: a word
          - {name: points, data_categories: [user.behavior], gateway: {type: integer, reviewed: no}}
          - {name: religion, data_categories: [user.demographic.religious_belief], gateway: {type: text, reviewed: no}}
          - {name: remarks, data_categories: [user.content.private], gateway: {type: free_text, reviewed: no}}
"""
