# Reads what abidiff --leaf-changes-only reports and succeeds if it is nothing but growth: structs that begin
# with their size have more members behind the old ones. Whatever it does not know is no growth.
# (libabigail's own has_data_member_inserted_at suppresses changes of other members with it.)
/^$/ || /^(Leaf changes|Changed leaf types) summary: / { next }
/^Removed\/Changed\/Added (functions|variables) summary: 0 Removed, 0 Changed, 0 Added/ { next }
# Callers make arrays of these two, which have no size.
/^'struct rn_(stage|layer)' changed:$/ { exit other = 1 }
/^'struct rn_[a-z0-9_]+' changed:$/ { known++; next }
/^  type size changed from [0-9]+ to [0-9]+ \(in bits\)$/ { old = $5; grown += $7 > old; next }
/^  [0-9]+ data member insertions?:$/ { next }
/^    '.*', at offset [0-9]+ \(in bits\)$/ && $(NF - 2) >= old { next }
{ exit other = 1 }
END { exit other || known == 0 || known != grown }
