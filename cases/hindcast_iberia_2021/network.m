function mpc = network
% Iberia and its ties to France, 24 July 2021, 16:30. Reduced and curated for Buttress, Apache-2.0; see README.md.
% Reactances: 0.30 ohm/km at 400 kV, 0.40 ohm/km at 220 kV, over lengths from towns; 'equivalent' rows are fitted.
mpc.version = '2';
mpc.baseMVA = 100;

% bus_i type Pd Qd Gs Bs area Vm Va baseKV zone Vmax Vmin
mpc.bus = [
	1	3	200000	0	0	0	1	1	0	400	1	1.1	0.9;	% Continental Europe
	2	1	0	0	0	0	1	1	0	400	1	1.1	0.9;	% Gaudiere
	3	1	100	0	0	0	1	1	0	400	1	1.1	0.9;	% Baixas
	4	1	0	0	0	0	1	1	0	400	1	1.1	0.9;	% Vic
	5	1	0	0	0	0	1	1	0	400	1	1.1	0.9;	% Santa Llogaia
	6	1	0	0	0	0	1	1	0	400	1	1.1	0.9;	% Cantegrit
	7	1	0	0	0	0	1	1	0	400	1	1.1	0.9;	% Argia
	8	1	0	0	0	0	1	1	0	400	1	1.1	0.9;	% Hernani
	9	1	0	0	0	0	1	1	0	220	1	1.1	0.9;	% Arkale
	10	1	0	0	0	0	1	1	0	220	1	1.1	0.9;	% Pragneres
	11	1	0	0	0	0	1	1	0	220	1	1.1	0.9;	% Biescas
	12	2	30000	0	0	0	1	1	0	400	1	1.1	0.9;	% Spain
	13	2	6300	0	0	0	1	1	0	400	1	1.1	0.9;	% Portugal
];

% bus Pg Qg Qmax Qmin Vg mBase status Pmax Pmin
mpc.gen = [
	1	204500	0	0	0	1	100	1	230000	0;	% Continental Europe
	12	26500	0	0	0	1	100	1	27300	0;	% Spain
	13	7300	0	0	0	1	100	1	7500	0;	% Portugal
];

% fbus tbus r x b rateA rateB rateC ratio angle status angmin angmax
mpc.branch = [
	1	2	0	0.00400	0	0	0	0	0	0	1	-360	360;	% row 1: France - Gaudiere, equivalent
	2	3	0	0.01312	0	1700	0	0	0	0	1	-360	360;	% row 2: Gaudiere - Baixas 1, 400 kV, 70 km
	2	3	0	0.01312	0	1700	0	0	0	0	1	-360	360;	% row 3: Gaudiere - Baixas 2, 400 kV, 70 km
	3	4	0	0.02063	0	1500	0	0	0	0	1	-360	360;	% row 4: Baixas - Vic 400 kV, 110 km
	4	5	0	0.01125	0	0	0	0	0	0	1	-360	360;	% row 5: Vic - Santa Llogaia 400 kV, 60 km
	4	12	0	0.01200	0	0	0	0	0	0	1	-360	360;	% row 6: Vic - Spain, equivalent
	1	6	0	0.00600	0	0	0	0	0	0	1	-360	360;	% row 7: France - Cantegrit, equivalent
	6	7	0	0.01594	0	1500	0	0	0	0	1	-360	360;	% row 8: Cantegrit - Argia 400 kV, 85 km
	7	8	0	0.00937	0	1500	0	0	0	0	1	-360	360;	% row 9: Argia - Hernani 400 kV, 50 km
	7	9	0	0.04479	0	400	0	0	0	0	1	-360	360;	% row 10: Argia - Arkale 220 kV with transformer, 30 km
	8	12	0	0.01000	0	0	0	0	0	0	1	-360	360;	% row 11: Hernani - Spain, equivalent
	9	8	0	0.03653	0	400	0	0	0	0	1	-360	360;	% row 12: Arkale - Hernani 220 kV with transformer, 20 km
	1	10	0	0.10000	0	0	0	0	0	0	1	-360	360;	% row 13: France - Pragneres, equivalent
	10	11	0	0.03719	0	250	0	0	0	0	1	-360	360;	% row 14: Pragneres - Biescas 220 kV, 45 km
	11	12	0	0.05000	0	0	0	0	0	0	1	-360	360;	% row 15: Biescas - Spain, equivalent
	12	13	0	0.00300	0	0	0	0	0	0	1	-360	360;	% row 16: Spain - Portugal, equivalent
];

% fbus tbus status Pf Pt Qf Qt Vf Vt Pmin Pmax QminF QmaxF QminT QmaxT loss0 loss1
mpc.dcline = [
	3	5	1	1200	1200	0	0	1	1	0	1200	0	0	0	0	0	0;
];

mpc.bus_name = {
	'Continental Europe';
	'Gaudiere';
	'Baixas';
	'Vic';
	'Santa Llogaia';
	'Cantegrit';
	'Argia';
	'Hernani';
	'Arkale';
	'Pragneres';
	'Biescas';
	'Spain';
	'Portugal';
};
